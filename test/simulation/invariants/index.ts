import { agreement } from './agreement.ts'
import { convergence } from './convergence.ts'
import { dynamic } from './dynamic.ts'
import { intensity } from './intensity.ts'
import type { Invariant } from './invariant.ts'
import { lives } from './lives.ts'
import { messages } from './messages.ts'
import { order } from './order.ts'
import { releases } from './releases.ts'
import { reloads } from './reloads.ts'
import { restarts } from './restarts.ts'

/** Every promise that the simulation holds the kernel to. */
export const invariants: readonly Invariant[] = [
  ...lives,
  ...order,
  ...restarts,
  ...intensity,
  ...messages,
  ...releases,
  ...agreement,
  ...convergence,
  ...dynamic,
  ...reloads,
]
