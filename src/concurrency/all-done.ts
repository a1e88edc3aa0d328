/** Done when all are; then throws what the first of them threw that failed. The others are no unhandled rejections. */
export async function allDone(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work)
  await Promise.all(work)
}
