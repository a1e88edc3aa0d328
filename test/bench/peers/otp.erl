%% Erlang/OTP measured by the definitions of supervision-measures.ts: a gen_server under a simple_one_for_one supervisor.
%% Prints one line of JSON. Run with one scheduler and no busy waiting, so that CPU time is what the work takes.
-module(otp).
-export([main/1, init/1, start_supervisor/1, start_child/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

main([ManyText, KillsText, IdleText, TripsText, RoundsText, OneText, ThousandText, TenThousandText, SupervisorsText]) ->
    [Many, Kills, Idle, Trips, Rounds, One, Thousand, TenThousand, Supervisors] =
        [list_to_integer(Text) || Text <- [ManyText, KillsText, IdleText, TripsText, RoundsText, OneText, ThousandText, TenThousandText, SupervisorsText]],
    process_flag(trap_exit, true),
    Spawn = median([rate(Many, fun() -> grow(Many) end) || _ <- rounds(Rounds)]),
    RoundTrips = round_trips(Trips, Rounds),
    Bytes = bytes(Idle),
    restarts(One, Kills),
    Restart = [restarts(Siblings, Kills) || Siblings <- [One, Thousand, TenThousand]],
    {Cpu, Stall} = storms(1, Many, Rounds),
    {SpreadCpu, SpreadStall} = storms(Supervisors, Many, Rounds),
    Names = [spawn_per_s, roundtrips_per_s, bytes_per_actor, restart_us_1, restart_us_1k, restart_us_10k,
             storm_10k_cpu_ms, storm_10k_max_stall_ms, storm_10k_100sup_cpu_ms, storm_10k_100sup_max_stall_ms],
    Values = [Spawn, RoundTrips, Bytes] ++ Restart ++ [Cpu, Stall, SpreadCpu, SpreadStall],
    Fields = [io_lib:format("\"~s\":~.3f", [Name, float(Value)]) || {Name, Value} <- lists:zip(Names, Values)],
    io:format("{~s}~n", [lists:join(",", Fields)]),
    halt(0).

rounds(Count) -> lists:seq(1, Count).

%% The supervisor and its child.
start_supervisor(Owner) -> supervisor:start_link(?MODULE, {supervisor, Owner}).
start_child(Owner) -> gen_server:start_link(?MODULE, {child, Owner}, []).

init({supervisor, Owner}) ->
    {ok, {#{strategy => simple_one_for_one, intensity => 1000000, period => 3600},
          [#{id => child, start => {?MODULE, start_child, [Owner]}, restart => permanent, shutdown => brutal_kill}]}};
init({child, Owner}) ->
    Owner ! {ready, self()},
    {ok, Owner}.

handle_call(Message, _From, State) -> {reply, Message, State}.
handle_cast(_Message, State) -> {noreply, State}.
handle_info(_Message, State) -> {noreply, State}.
terminate(_Reason, _State) -> ok.

%% A supervisor with so many children.
grow(Count) ->
    {ok, Supervisor} = start_supervisor(self()),
    Pids = [begin {ok, Pid} = supervisor:start_child(Supervisor, []), Pid end || _ <- rounds(Count)],
    forget_ready(Count),
    {Supervisor, Pids}.

forget_ready(0) -> ok;
forget_ready(Count) -> receive {ready, _} -> forget_ready(Count - 1) end.

close({Supervisor, _}) ->
    unlink(Supervisor),
    Monitor = monitor(process, Supervisor),
    exit(Supervisor, shutdown),
    receive {'DOWN', Monitor, process, _, _} -> ok end.

cpu() -> {Total, _} = statistics(runtime), Total.

%% The clock of the CPU ticks in milliseconds, so short works are repeated.
rate(Count, Grow) ->
    Repeats = max(1, 100000 div max(1, Count)),
    Cpu = lists:sum([begin
        Before = cpu(), Tree = Grow(), Used = cpu() - Before, close(Tree), Used
    end || _ <- rounds(Repeats)]),
    Count * Repeats * 1000 / max(1, Cpu).

round_trips(Count, Rounds) ->
    {ok, Pid} = start_child(self()),
    forget_ready(1),
    median([begin
        Before = cpu(), call(Pid, Count), Count * 1000 / max(1, cpu() - Before)
    end || _ <- rounds(Rounds)]).

call(_, 0) -> ok;
call(Pid, Count) -> _ = gen_server:call(Pid, Count), call(Pid, Count - 1).

bytes(Count) ->
    garbage_collect(),
    Before = erlang:memory(total),
    Tree = {Supervisor, _} = grow(Count),
    garbage_collect(), garbage_collect(Supervisor),
    Bytes = (erlang:memory(total) - Before) / Count,
    close(Tree),
    Bytes.

restarts(Siblings, Kills) -> median(restarts(Siblings, Kills, [])).
restarts(_, Left, Times) when Left =< 0 -> Times;
restarts(Siblings, Left, Times) ->
    Tree = {_, Pids} = grow(Siblings),
    Table = maps:from_list(lists:zip(rounds(Siblings), Pids)),
    New = kills(25, Siblings, Table, []),
    close(Tree),
    restarts(Siblings, Left - 25, New ++ Times).

kills(0, _, _, Times) -> Times;
kills(Left, Siblings, Table, Times) ->
    Index = rand:uniform(Siblings),
    Pid = maps:get(Index, Table),
    Start = erlang:monotonic_time(nanosecond),
    exit(Pid, kill),
    receive {ready, Successor} ->
        Time = (erlang:monotonic_time(nanosecond) - Start) / 1000,
        kills(Left - 1, Siblings, Table#{Index := Successor}, [Time | Times])
    end.

storms(Supervisors, Many, Rounds) ->
    Storms = [storm(Supervisors, Many) || _ <- rounds(Rounds)],
    {median([Cpu || {Cpu, _} <- Storms]), median([Stall || {_, Stall} <- Storms])}.

storm(Supervisors, Many) ->
    Trees = [grow((Many + Supervisors - 1) div Supervisors) || _ <- rounds(Supervisors)],
    Pids = lists:append([Each || {_, Each} <- Trees]),
    Watch = spawn(fun() -> watch(erlang:monotonic_time(microsecond), 0) end),
    Before = cpu(),
    [exit(Pid, kill) || Pid <- Pids],
    forget_ready(length(Pids)),
    Cpu = cpu() - Before,
    Watch ! {stop, self()},
    Stall = receive {longest, Longest} -> Longest / 1000 end,
    [close(Tree) || Tree <- Trees],
    {Cpu, Stall}.

watch(Last, Longest) ->
    receive {stop, Owner} -> Owner ! {longest, max(Longest, erlang:monotonic_time(microsecond) - Last)}
    after 1 -> Now = erlang:monotonic_time(microsecond), watch(Now, max(Longest, Now - Last))
    end.

median(Values) -> lists:nth(length(Values) div 2 + 1, lists:sort(Values)).
