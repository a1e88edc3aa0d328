/**
 * The 88 cases of OTP's own supervisor test suite (supervisor_SUITE of OTP 25.2.3), by the names that they have there and in their order.
 * Each is the beginning of the title of one test in this folder, or stands in {@link omitted}. The tests are written anew from what each
 * case asserts, and run under virtual time.
 *
 * How OTP's words are read here: a process id is an incarnation; exit reason normal, shutdown or {shutdown, _} is an end by the
 * child's own word; any other reason is a failure; brutal_kill is `kill`; killed is a cleanup whose signal was aborted;
 * which_children and count_children are `children()` and `count()`; terminate_child, restart_child and delete_child are `stop`,
 * `restart` and `remove`; code_change is `reload`; simple_one_for_one is `dynamic`; a report is an event, and a line of the log.
 * OTP has no backoff, so the delays are zero here; and its only window is the supervisor's.
 *
 * Where this supervisor differs on purpose, the case asserts what it does instead:
 * - `start` takes the id of a stopped child again, where OTP answers already_present;
 * - `restart` and `remove` stop a running child first, and end the wait for a restart, where OTP answers running or restarting;
 * - a restart by hand that fails is tried again by the policy, where OTP gives the error back and leaves the child without a process;
 * - when the child that drives the restart of a group is stopped, the rest of the group starts without it, where OTP leaves it stopped;
 * - a dynamic child that has ended is not known any more, where OTP answers ok to whoever terminates it again;
 * - the input of a temporary child is kept while it lives, since `restart` may start it again, where OTP keeps it only for the start;
 * - a start gives a ref, whose client takes the place of the extra result of OTP's start functions;
 * - what a reload does not name stays as it is, the order of the known children too, where OTP's flags go back to their defaults; and
 *   the mode never is refused while any child is significant, where OTP looks at the new specs alone.
 */
export const cases: readonly string[] = `
  sup_start_normal sup_start_ignore_init sup_start_ignore_child sup_start_ignore_temporary_child
  sup_start_ignore_temporary_child_start_child sup_start_ignore_temporary_child_start_child_simple
  sup_start_ignore_permanent_child_start_child_simple sup_start_error_return sup_start_fail sup_start_child_returns_error
  sup_start_restart_child_returns_error sup_start_child_returns_error_simple
  sup_start_map sup_start_map_simple sup_start_map_faulty_specs
  sup_stop_infinity sup_stop_timeout sup_stop_timeout_dynamic sup_stop_brutal_kill sup_stop_brutal_kill_dynamic sup_stop_race
  sup_stop_non_shutdown_exit_dynamic
  child_adm child_adm_simple extra_return child_specs child_specs_map sup_flags
  permanent_normal transient_normal temporary_normal permanent_shutdown transient_shutdown temporary_shutdown
  faulty_application_shutdown permanent_abnormal transient_abnormal temporary_abnormal temporary_bystander
  multiple_restarts one_for_one one_for_one_escalation one_for_all one_for_all_escalation one_for_all_other_child_fails_restart
  simple_one_for_one simple_one_for_one_shutdown simple_one_for_one_extra simple_one_for_one_escalation simple_one_for_one_corruption
  rest_for_one rest_for_one_escalation rest_for_one_other_child_fails_restart
  nonsignificant_temporary nonsignificant_transient significant_temporary significant_transient significant_simple
  significant_bystander significant_escalation significant_upgrade_never_any significant_upgrade_any_never
  significant_upgrade_never_all significant_upgrade_all_never significant_upgrade_any_all significant_upgrade_all_any
  significant_upgrade_child
  child_unlink tree count_children count_children_supervisor count_restarting_children get_callback_module
  do_not_save_start_parameters_for_temporary_children do_not_save_child_specs_for_temporary_children
  simple_one_for_one_scale_many_temporary_children simple_global_supervisor hanging_restart_loop
  hanging_restart_loop_rest_for_one hanging_restart_loop_simple code_change code_change_map code_change_simple
  code_change_simple_map order_of_children scale_start_stop_many_children format_log_1 format_log_2
`
  .trim()
  .split(/\s+/)

/** The cases that have no test here, and why. */
export const omitted: Readonly<Record<string, string>> = {
  get_callback_module: 'a supervisor here is made of data: it has no callback module to be asked for',
}
