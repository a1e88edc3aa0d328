/** What one code of the catalogue means to the person who meets it. */
interface ErrorEntry {
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean
  /** One sentence: what has happened. */
  readonly meaning: string
  /** One sentence: what to do about it. */
  readonly remedy: string
}

const entry = (retryable: boolean, meaning: string, remedy: string): ErrorEntry => ({
  retryable,
  meaning,
  remedy,
})

/**
 * Every error that Exovisor throws on purpose, by its stable code. The README's table is checked
 * against this object in both directions, so a code is added here and documented there, or not at all.
 */
export const errorCatalogue = {
  EXO_ABORTED: entry(
    false,
    'the caller cancelled the operation',
    'nothing to do, unless the cancelling was not meant',
  ),
  EXO_ASK_TIMEOUT: entry(true, 'an actor did not answer in time', 'ask again, or give a longer timeout'),
  EXO_CHANNEL_CLOSED: entry(
    false,
    'all senders or all receivers of a channel are gone',
    'stop sending or receiving on it; a receiver that iterates ends by itself',
  ),
  EXO_CHILD_SPEC_INVALID: entry(
    false,
    'a child spec of a supervisor is wrong',
    'correct the field that the message names',
  ),
  EXO_CHILD_UNKNOWN: entry(
    false,
    'the supervisor has no child of that id',
    'use one of the ids that the message lists',
  ),
  EXO_CHILDREN_EXHAUSTED: entry(
    true,
    'a dynamic supervisor has as many children as it may have',
    'wait until one has ended, or raise maxChildren',
  ),
  EXO_DEADLINE_EXCEEDED: entry(
    true,
    'some work was not done by its deadline and was cancelled',
    'try again, or give it a later deadline',
  ),
  EXO_ESCALATED: entry(
    false,
    'a child failed in a way that its policy leaves to the supervisor, since no restart cures it',
    'mend the cause that the message names, or change decide in the policy',
  ),
  EXO_HEALTH_CHECK_FAILED: entry(
    true,
    'a health check failed or took too long',
    'look at the cause; the supervisor restarts the resource by its policy',
  ),
  EXO_HISTORY_UNUSABLE: entry(
    false,
    'the history file cannot be used: another process writes it, it is broken, or this Node.js has no SQLite',
    'give each node a monitor.history of its own, or move the broken file away',
  ),
  EXO_INITIALIZE_TIMEOUT: entry(
    true,
    'a resource did not initialise in time',
    'raise startTimeout in its policy, or find out what it waits for',
  ),
  EXO_INTENSITY_EXCEEDED: entry(
    false,
    'a child failed more often than its restart intensity allows, so its supervisor gave up',
    'mend the cause that the message names, or widen intensity in the policy',
  ),
  EXO_JOURNAL_INVALID: entry(
    false,
    'a journal file is cut off, or is no journal',
    'export the journal again; what the message names is the line that cannot be read',
  ),
  EXO_LOCK_MISUSE: entry(
    false,
    'a lock, a permit or a guarded object was used by somebody who may not',
    'acquire it once before its use, and release it once after',
  ),
  EXO_MAILBOX_FULL: entry(
    true,
    'the mailbox of an actor is full',
    'send more slowly, or wait for the actor to be READY',
  ),
  EXO_MESSAGE_UNHANDLED: entry(
    false,
    'a resource got a message that it does not receive',
    'send a message that its kind understands',
  ),
  EXO_NODE_NOT_RUNNING: entry(
    true,
    'no node answers at its control socket',
    'start one with exovisor up, or name one that runs with --node',
  ),
  EXO_OPTION_INVALID: entry(
    false,
    'an option of a call is out of range',
    'correct the option that the message names',
  ),
  EXO_POOL_EXHAUSTED: entry(
    true,
    'a pool had no member to lend in time, or too many callers waited for one',
    'give members back sooner, or raise max or acquireTimeout of the pool',
  ),
  EXO_POOL_INVALID: entry(
    false,
    'the options of a pool are wrong',
    'correct each option that the message names',
  ),
  EXO_READY_TIMEOUT: entry(
    true,
    'a resource was not READY in time',
    'wait longer, or look at its last error',
  ),
  EXO_RESOURCE_CLOSED: entry(false, 'the resource is closed', 'use another resource, or start a new one'),
  EXO_RESOURCE_FAILED: entry(
    true,
    'a resource failed',
    'look at the cause; the supervisor restarts it by its policy',
  ),
  EXO_STRATEGY_MISMATCH: entry(
    false,
    'the strategy of the supervisor has no such operation',
    'use the operation that the message names',
  ),
  EXO_RETRIES_EXHAUSTED: entry(
    true,
    'an operation failed as often as it may be tried',
    'look at the cause, then try again, or allow more retries',
  ),
  EXO_SHUTDOWN_TIMEOUT: entry(
    false,
    'a cleanup did not end in time and was left behind',
    'raise shutdown in the policy, or mend the cleanup',
  ),
  EXO_TASK_LEAKED: entry(
    false,
    'a background task outlived its owner',
    'let the task that the message names end when its scope is cancelled',
  ),
  EXO_TASKS_FAILED: entry(
    false,
    'one or more tasks of a task group failed',
    'look at each of the errors that it holds',
  ),
  EXO_WOULD_BLOCK: entry(
    true,
    'an operation that never waits would have had to wait',
    'try again later, or use the variant that waits',
  ),
  EXO_CONFIG_INVALID: entry(
    false,
    'the configuration has faults',
    'correct each line that the message lists, then run exovisor config check',
  ),
  EXO_CONFIG_UNREADABLE: entry(
    false,
    'the configuration file cannot be read',
    'check the path and its permissions',
  ),
  EXO_USAGE: entry(false, 'a command was called in a wrong way', 'run the command with --help'),
  EXO_PORT_IN_USE: entry(
    false,
    'another program listens on the port',
    'stop that program, or choose another port; 0 takes a free one',
  ),
  EXO_PUBLIC_BIND_REFUSED: entry(
    false,
    'listening beyond loopback without a key is refused',
    'set api.keys or grpc.key, or listen on 127.0.0.1',
  ),
  EXO_PEER_UNREACHABLE: entry(
    true,
    'a peer cannot be reached',
    'check that it runs and that its address is right',
  ),
  EXO_PEER_TIMEOUT: entry(
    true,
    'a call to a peer passed its deadline',
    'try again, or look at the load of that peer',
  ),
  EXO_PEER_REJECTED: entry(
    false,
    'a peer refused a call',
    'read the reason in the message; often the keys differ',
  ),
  EXO_PEERS_FILE_INVALID: entry(
    false,
    'the peers file has faults',
    'correct the line that the message names; the last good list stays in use',
  ),
  EXO_ANNOUNCEMENT_INVALID: entry(
    false,
    'a discovery announcement cannot be understood',
    'nothing to do; it was dropped',
  ),
  EXO_FRAME_INVALID: entry(false, 'a tensor frame breaks the format', 'run the same version on all nodes'),
  EXO_EPOCH_STALE: entry(
    false,
    'a frame or call belongs to an older epoch of the placement',
    'nothing to do; the sender was replaced',
  ),
  EXO_STREAM_CLOSED: entry(
    true,
    'the tensor stream to a neighbouring stage broke',
    'nothing to do; the session resumes on a new epoch',
  ),
  EXO_MODEL_NOT_FOUND: entry(
    false,
    'there is no model of that name or path',
    'give builtin, or the path of a directory with config.json',
  ),
  EXO_MODEL_INVALID: entry(false, 'a file of the model is missing or wrong', 'download that file again'),
  EXO_MODEL_MISMATCH: entry(
    false,
    'two nodes hold different files for the same model',
    'copy the same model directory to all nodes',
  ),
  EXO_SAFETENSORS_INVALID: entry(
    false,
    'a safetensors file is truncated or its header is wrong',
    'download that file again',
  ),
  EXO_ARCHITECTURE_UNKNOWN: entry(
    false,
    'the model has an architecture that the engine does not know',
    'choose a model of the llama architecture',
  ),
  EXO_TOKENIZER_INVALID: entry(
    false,
    'tokenizer.json is of a type that is not supported, or broken',
    'choose a model with a BPE tokenizer.json',
  ),
  EXO_TEMPLATE_INVALID: entry(
    false,
    'the model has no chat template, or it fails',
    'send a plain completion instead of chat',
  ),
  EXO_PROMPT_TOO_LONG: entry(false, 'the prompt does not fit into the context', 'shorten the prompt'),
  EXO_SAMPLING_INVALID: entry(
    false,
    'a sampling parameter is out of range',
    'correct the parameter that the message names',
  ),
  EXO_ENGINE_DIED: entry(
    true,
    'the engine process ended',
    'nothing to do; its supervisor restarts it and the answer goes on',
  ),
  EXO_ENGINE_FAILED: entry(
    true,
    'the engine could not run a step',
    'look at the cause; the supervisor restarts the engine',
  ),
  EXO_ENGINE_BUSY: entry(
    true,
    'all sequences of the engine are taken',
    'try again later, or raise engine.slots',
  ),
  EXO_NO_PLACEMENT: entry(
    true,
    'the layers of the model cannot be placed on the nodes at hand',
    'add a node, or wait until a peer is READY',
  ),
  EXO_FAILOVER_EXHAUSTED: entry(
    true,
    'a generation was resumed as often as allowed and failed again',
    'look at the cause, then ask again',
  ),
  EXO_REQUEST_INVALID: entry(
    false,
    'a request to the API is wrong',
    'correct the field that the message names',
  ),
  EXO_UNAUTHORIZED: entry(
    false,
    'the API key is missing or wrong',
    'send the header Authorization: Bearer KEY',
  ),
  EXO_NOT_FOUND: entry(false, 'the API has no such path or model', 'ask GET /v1/models for the models'),
  EXO_INTERNAL: entry(false, 'a fault in Exovisor itself', 'report it with the log lines around it'),
} as const satisfies Record<string, ErrorEntry>
