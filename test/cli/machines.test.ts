import { describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { machines } from '../../machines/index.ts'
import { machinesCommand } from '../../src/cli/machines.ts'

async function output(...args: string[]): Promise<string> {
  let text = ''
  const command = machinesCommand()
    .exitOverride()
    .configureOutput({
      writeOut: part => {
        text += part
      },
      writeErr: () => undefined,
    })
  await command.parseAsync(args, { from: 'user' })
  return text
}

describe('exovisor machines', () => {
  it('lists each machine with what it is', async () => {
    const lines = (await output()).trimEnd().split('\n')
    expect(lines.map(line => line.split(/\s+/)[0])).toEqual(Object.keys(machines))
    expect(lines[0]).toMatch(/^lifecycle {3}The life of any resource/)
  })

  it.each(Object.keys(machines))('prints %s as JSON from which the machine can be made again', async name => {
    const config = JSON.parse(await output(name))
    expect(config).toEqual(machines[name]?.config)
    expect(Object.keys(createMachine(config).states)).toContain('DEGRADED')
  })

  it('prints a Mermaid diagram with nested states, guards and the end', async () => {
    const text = await output('peer', '--format', 'mermaid')
    expect(text).toMatch(/^stateDiagram-v2\n {2}\[\*\] --> UNINITIALIZED\n/)
    expect(text).toContain('  state READY {\n    [*] --> READY_idle\n')
    expect(text).toContain('    READY_calling --> READY_idle : call.ended [isLast]\n')
    expect(text).toContain('  READY --> DEGRADED : degrade\n')
    expect(text).toContain('  CLOSED --> [*]\n')
  })

  it('draws what an outer state does with its nested states', async () => {
    const text = await output('discovery', '--format', 'mermaid')
    expect(text).toContain('READY_quiet --> READY_tracking : peers.changed [seesPeers]')
    expect(text).toContain('READY_tracking --> READY_quiet : peers.changed\n')
  })

  it('refuses an unknown name and offers the nearest one', async () => {
    await expect(output('pear')).rejects.toMatchObject({
      code: 'EXO_USAGE',
      message: expect.stringContaining('did you mean peer?'),
    })
  })

  it('refuses an unknown format', async () => {
    await expect(output('peer', '--format', 'svg')).rejects.toThrow(/Allowed choices are json, mermaid/)
  })
})
