import { defineConfig } from 'vitest/config'
import { NearestFirst } from './test/nearest-first.ts'

/**
 * The tests of the kernel, for `npm run mutate`: seeded, the nearest ones first, and without those that measure cost or
 * start processes, since a mutant is not to be killed by the machine being busy. Files share one worker, and each
 * mutant has a worker of its own.
 */
export default defineConfig({
  ssr: { resolve: { conditions: ['source'] } },
  resolve: { conditions: ['source'] },
  test: {
    include: [
      'test/{concurrency,actors,supervision,resources,conformance}/**/*.test.ts',
      'test/simulation/simulation.test.ts',
    ],
    env: { GITHUB_RUN_ID: '1' },
    exclude: [
      'test/concurrency/readme.test.ts',
      'test/conformance/otp/scale.test.ts',
      'test/resources/{pool,network,group}*.test.ts',
      'test/resources/ref-memory.test.ts',
      'test/supervision/{cost,process-level}.test.ts',
    ],
    setupFiles: ['./test/repeatable-properties.ts'],
    sequence: { sequencer: NearestFirst },
    isolate: false,
    testTimeout: 10_000,
  },
})
