import { Command } from 'commander'
import { resetCommand, restartCommand, resumeCommand, suspendCommand } from './resources/command.ts'
import { eventsCommand } from './resources/events.ts'
import { exportCommand } from './resources/export.ts'
import { healthCommand } from './resources/health.ts'
import { listCommand, treeCommand } from './resources/show.ts'

/** `exovisor resources`: sees and commands the resources of a running node. */
export function resourcesCommand(): Command {
  return new Command('resources')
    .description('show and command the resources of a node that runs on this machine')
    .addCommand(listCommand())
    .addCommand(treeCommand())
    .addCommand(healthCommand())
    .addCommand(resetCommand())
    .addCommand(restartCommand())
    .addCommand(suspendCommand())
    .addCommand(resumeCommand())
    .addCommand(eventsCommand())
    .addCommand(exportCommand())
}
