import { describe, expect, it } from 'vitest'
import { createStepMemory, readStep, StepRecorder } from '../../src/engine/step-clock.ts'

describe('the step clock', () => {
  it('tells number and age of a step while it runs, and nothing between steps', () => {
    const memory = createStepMemory()
    const recorder = new StepRecorder(memory)
    expect(readStep(memory)).toBeUndefined()
    recorder.begin()
    const seen = readStep(memory)!
    expect(seen.step).toBe(1)
    expect(seen.ageMs).toBeGreaterThanOrEqual(0)
    expect(readStep(memory)!.ageMs).toBeGreaterThan(seen.ageMs)
    recorder.end()
    expect(readStep(memory)).toBeUndefined()
    recorder.begin()
    expect(readStep(memory)?.step).toBe(2)
  })
})
