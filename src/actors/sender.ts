import { AsyncLocalStorage } from 'node:async_hooks'

/** Whose handler runs, through all that it awaits. Only handlers of actors that are traced are in it, so that it costs nothing otherwise. */
const handling = new AsyncLocalStorage<string>()

/** Runs the handler of an actor, so that whoever it sends a message to can be told its address. */
export const asSender = <Result>(address: string, handle: () => Result): Result =>
  handling.run(address, handle)

/** The address of the traced actor whose handler is running; undefined outside of all of them. */
export const currentSender = (): string | undefined => handling.getStore()
