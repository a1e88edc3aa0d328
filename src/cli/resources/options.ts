export const todo = (): void => {
  throw new Error('to be written')
}

export const json = ['--json', 'write the result as JSON'] as const
export const watch = ['--watch', 'go on, and show it again whenever it changes'] as const
