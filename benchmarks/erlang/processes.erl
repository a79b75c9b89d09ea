%% The process benchmarks in Erlang: the same work as examples/c/{spawn_exit,ping_pong,ring,skynet}.c and
%% benchmarks/processes/*.c, timed inside.
%% processes:main([Name, Size...]) prints "NAME: NANOSECONDS ns" per operation, as the C guests do with --time.
-module(processes).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2]).

%% Not in the process that calls main: that one is init, which traps exits.
main([Name | Sizes]) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        [report(Label, Time, Count) || {Label, Time, Count} <- run(Name, [list_to_integer(Size) || Size <- Sizes])]
    end),
    receive
        {'DOWN', Monitor, process, Pid, normal} -> halt(0);
        {'DOWN', Monitor, process, Pid, Reason} -> io:format("~p~n", [Reason]), halt(1)
    end.

report(Label, Time, Count) ->
    io:format("~s: ~b ns~n", [Label, erlang:convert_time_unit(Time, native, nanosecond) div Count]).

timed(Work) ->
    Start = erlang:monotonic_time(),
    Result = Work(),
    {erlang:monotonic_time() - Start, Result}.

run("spawn_exit", [Rounds]) ->
    {Time, ok} = timed(fun() -> spawn_exit(Rounds) end),
    [{"spawn and exit", Time, Rounds}];
run("ping_pong", [Rounds]) ->
    Bounces = 2 * Rounds,
    Pong = spawn_link(fun() -> pong(Rounds) end),
    {Time, Bounces} = timed(fun() -> ping(Pong, Rounds, 0) end),
    [{"round trip", Time, Rounds}];
run("ring", [Processes, Laps, Tokens]) ->
    Expected = Tokens * Laps * Processes * (Processes + 1) div 2,
    Self = self(),
    {Building, First} = timed(fun() -> build_ring(Processes, Tokens, Self) end),
    {Time, Expected} = timed(fun() ->
        [First ! {0, Laps - 1} || _ <- lists:seq(1, Tokens)],
        laps(First, Tokens, 0)
    end),
    [{"spawn", Building, Processes}, {"hop", Time, Tokens * Laps * (Processes + 1)}];
run("skynet", [Leaves]) ->
    Expected = Leaves * (Leaves - 1) div 2,
    {Time, Expected} = timed(fun() -> subtree(0, Leaves) end),
    [{"total", Time, 1}, {"process", Time, inner_and_leaves(Leaves)}];
run("fan_in", [Senders, Messages]) ->
    Self = self(),
    Pids = [spawn_link(fun() -> receive start -> send_all(Self, Number, Messages) end end)
            || Number <- lists:seq(0, Senders - 1)],
    Expected = Messages * Senders * (Senders - 1) div 2,
    {Time, Expected} = timed(fun() -> [Pid ! start || Pid <- Pids], collect(Senders * Messages, 0) end),
    [{"message", Time, Senders * Messages}];
run("request", [Rounds]) ->
    {ok, Server} = gen_server:start_link(?MODULE, [], []),
    {Time, Rounds} = timed(fun() -> requests(Server, Rounds, 0) end),
    [{"request", Time, Rounds}];
run("timers", [Rounds]) ->
    {Time, ok} = timed(fun() -> timers(Rounds) end),
    [{"set and cancel", Time, Rounds}];
run("monitors", [Watchers]) ->
    Self = self(),
    Target = spawn(fun() -> receive stop -> ok end end),
    [spawn(fun() -> watch(Self, Target) end) || _ <- lists:seq(1, Watchers)],
    await(ready, Watchers),
    {Time, ok} = timed(fun() -> exit(Target, kill), await(told, Watchers) end),
    [{"watcher", Time, Watchers}];
run("ping_beside", [Busy, Rounds]) ->
    Echo = spawn(fun echo/0),
    beside(Busy, Rounds, fun() ->
        Start = erlang:monotonic_time(),
        Echo ! self(),
        receive pong -> erlang:monotonic_time() - Start end
    end);
run("sleep_beside", [Busy, Rounds]) ->
    Millisecond = erlang:convert_time_unit(1, millisecond, native),
    beside(Busy, Rounds, fun() ->
        Start = erlang:monotonic_time(),
        receive after 1 -> erlang:monotonic_time() - Start - Millisecond end
    end).

spawn_exit(0) -> ok;
spawn_exit(Left) ->
    {Pid, Monitor} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Monitor, process, Pid, normal} -> spawn_exit(Left - 1) end.

ping(_, 0, Bounces) -> Bounces;
ping(Pong, Left, Bounces) ->
    Pong ! {self(), Bounces + 1},
    receive {Pong, More} -> ping(Pong, Left - 1, More) end.

pong(0) -> ok;
pong(Left) ->
    receive {From, Bounces} -> From ! {self(), Bounces + 1}, pong(Left - 1) end.

build_ring(0, _, Next) -> Next;
build_ring(Number, Tokens, Next) ->
    Pid = spawn_link(fun() -> receive {next, Neighbour} -> member(Number, Tokens, Neighbour) end end),
    Pid ! {next, Next},
    build_ring(Number - 1, Tokens, Pid).

member(_, 0, _) -> ok;
member(Number, Tokens, Next) ->
    receive {Sum, LapsLeft} ->
        Next ! {Sum + Number, LapsLeft},
        case LapsLeft of
            0 -> member(Number, Tokens - 1, Next);
            _ -> member(Number, Tokens, Next)
        end
    end.

laps(_, 0, Sum) -> Sum;
laps(First, Running, Sum) ->
    receive
        {More, 0} -> laps(First, Running - 1, Sum + More);
        {Token, Left} -> First ! {Token, Left - 1}, laps(First, Running, Sum)
    end.

subtree(First, 1) -> First;
subtree(First, Leaves) ->
    Share = Leaves div 10,
    [begin
         Pid = spawn(fun tree_node/0),
         Pid ! {self(), First + I * Share, Share}
     end || I <- lists:seq(0, 9)],
    lists:sum([receive Part when is_integer(Part) -> Part end || _ <- lists:seq(0, 9)]).

tree_node() ->
    receive {Parent, First, Leaves} -> Parent ! subtree(First, Leaves) end.

inner_and_leaves(1) -> 0;
inner_and_leaves(Leaves) -> Leaves + inner_and_leaves(Leaves div 10).

send_all(_, _, 0) -> ok;
send_all(To, Number, Left) -> To ! Number, send_all(To, Number, Left - 1).

collect(0, Sum) -> Sum;
collect(Left, Sum) -> receive Number -> collect(Left - 1, Sum + Number) end.

init([]) -> {ok, none}.
handle_call(Number, _From, State) -> {reply, Number + 1, State}.
handle_cast(_, State) -> {noreply, State}.

requests(_, 0, Number) -> Number;
requests(Server, Left, Number) -> requests(Server, Left - 1, gen_server:call(Server, Number, infinity)).

timers(0) -> ok;
timers(Left) ->
    Timer = erlang:send_after(10000, self(), Left),
    true = is_integer(erlang:cancel_timer(Timer)),
    timers(Left - 1).

watch(Parent, Target) ->
    Monitor = monitor(process, Target),
    Parent ! ready,
    receive {'DOWN', Monitor, process, Target, killed} -> Parent ! told end.

await(_, 0) -> ok;
await(What, Left) -> receive What -> await(What, Left - 1) end.

echo() -> receive From -> From ! pong, echo() end.

spin() -> spin().

beside(Busy, Rounds, Measure) ->
    [spawn(fun spin/0) || _ <- lists:seq(1, Busy)],
    Sorted = list_to_tuple(lists:sort([Measure() || _ <- lists:seq(1, Rounds)])),
    [{Name, element(1 + (Rounds - 1) * Share div 1000, Sorted), 1}
     || {Name, Share} <- [{"p50", 500}, {"p99", 990}, {"p99.9", 999}, {"max", 1000}]].
