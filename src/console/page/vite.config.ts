import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** The page is plain files beside the compiled server: nothing inline, nothing from elsewhere, so that a strict CSP holds. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  plugins: [react()],
  build: {
    outDir: '../../../dist/src/console/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What is bundled comes with its licences.
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 1_000,
  },
})
