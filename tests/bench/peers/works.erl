%% The works of tests/bench/peers.sh as Erlang's users write them: a process an actor.
%%
%%   erlc works.erl && erl +S 1:1 +P 20000000 -noshell -run works main ring 100000 100
-module(works).
-export([main/1, desk/0]).

main([Work | Sizes]) ->
    work(Work, [list_to_integer(S) || S <- Sizes]),
    halt(0).

now_ns() -> erlang:monotonic_time(nanosecond).

result(What, Value) -> io:format("RESULT ~s ~w~n", [What, float(Value)]).

timed(F) ->
    From = now_ns(),
    F(),
    now_ns() - From.

%% --- ring: each process makes the next one and becomes a link to it.

link_to(Next) ->
    receive N -> Next ! N end,
    link_to(Next).

gate(First, Report) ->
    receive
        1 -> Report ! done;
        N -> First ! N - 1
    end,
    gate(First, Report).

builder(1, Report) ->
    receive First -> Report ! built, gate(First, Report) end;
builder(Left, Report) ->
    receive First ->
        Next = spawn(fun() -> builder(Left - 1, Report) end),
        Next ! First,
        link_to(Next)
    end.

%% --- fan-in

counter(0, Report) -> Report ! counted;
counter(Left, Report) -> receive _ -> counter(Left - 1, Report) end.

burst(_, 0) -> ok;
burst(To, N) -> To ! N, burst(To, N - 1).

paced(To) ->
    receive
        0 -> ok;
        N -> To ! N, self() ! N - 1, paced(To)
    end.

fan_in(Sender, Senders, N) ->
    Report = self(),
    timed(fun() ->
        Counter = spawn(fun() -> counter(Senders * N, Report) end),
        [spawn(fun() -> Sender(Counter, N) end) || _ <- lists:seq(1, Senders)],
        receive counted -> ok end
    end).

%% --- create

%% The last one to run says so.
once(Left, Report) ->
    receive _ ->
        case atomics:sub_get(Left, 1, 1) of
            0 -> Report ! ran;
            _ -> ok
        end
    end.

make(0, _, _) -> ok;
make(N, Left, Report) ->
    spawn(fun() -> once(Left, Report) end) ! N,
    make(N - 1, Left, Report).

make_all(Actors) ->
    Left = atomics:new(1, []),
    atomics:put(Left, 1, Actors),
    make(Actors, Left, self()),
    receive ran -> ok end.

%% --- idle

fill(0, Before) -> Before;
fill(N, Before) -> fill(N - 1, spawn(fun() -> receive _ -> Before end end)).

resident_bytes() ->
    {ok, Statm} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = string:lexemes(binary_to_list(Statm), " "),
    list_to_integer(Pages) * 4096.

%% --- host: what is told, asked and made one after the other

passes(Next) ->
    receive
        {0, Report} -> Report ! done, passes(Next);
        {N, Report} -> Next ! {N - 1, Report}, passes(Next);
        {ask, From, Ref} -> From ! {Ref, 1}, passes(Next)
    end.

opened() -> receive {next, Next} -> passes(Next) end.

ask(Of) ->
    Ref = make_ref(),
    Of ! {ask, self(), Ref},
    receive {Ref, V} -> V end.

asks(_, 0) -> ok;
asks(Of, N) -> 1 = ask(Of), asks(Of, N - 1).

fans(_, 0) -> ok;
fans(All, N) ->
    Refs = [begin Ref = make_ref(), One ! {ask, self(), Ref}, Ref end || One <- All],
    [receive {Ref, 1} -> ok end || Ref <- Refs],
    fans(All, N - 1).

%% --- computing

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

add_up(I, N, Sum) when I > N -> Sum;
add_up(I, N, Sum) -> add_up(I + 1, N, Sum + I).

build(0, List) -> List;
build(N, List) -> build(N - 1, [N | List]).

turned([], List) -> List;
turned([H | T], List) -> turned(T, [H | List]).

%% --- wire: a node of its own, by Erlang's distribution

text() -> binary:copy(<<"0123456789abcdef">>, 4).

desk() ->
    receive
        {echo, From, V} -> From ! {echoed, V};
        {note, _} -> ok
    end,
    desk().

echoes(_, 0) -> ok;
echoes(Desk, N) ->
    Desk ! {echo, self(), text()},
    receive {echoed, _} -> ok end,
    echoes(Desk, N - 1).

notes(_, 0) -> ok;
notes(Desk, N) ->
    Desk ! {note, text()},
    notes(Desk, N - 1).

in_parallel(Count, F) ->
    Report = self(),
    [spawn(fun() -> F(), Report ! ended end) || _ <- lists:seq(1, Count)],
    [receive ended -> ok end || _ <- lists:seq(1, Count)].

work("wire", [N]) ->
    {ok, _, Node} = peer:start_link(#{
        name => vesicle_desk, host => "127.0.0.1", longnames => true,
        args => ["+S", "1:1", "-setcookie", atom_to_list(erlang:get_cookie()), "-pa",
                 filename:dirname(code:which(?MODULE)), "-kernel", "inet_dist_use_interface",
                 "{127,0,0,1}"]}),
    Desk = spawn(Node, ?MODULE, desk, []),
    One = N div 10,
    result("wire_one_ns", timed(fun() -> echoes(Desk, One) end) / One),
    Many = timed(fun() -> in_parallel(1000, fun() -> echoes(Desk, N div 1000) end) end),
    result("wire_many_ns", Many / N),
    Tell = timed(fun() -> notes(Desk, 10 * N), echoes(Desk, 1) end),
    result("wire_tell_ns", Tell / (10 * N));
work("host", [N]) ->
    All = [spawn(fun opened/0) || _ <- lists:seq(1, 100)],
    [First | Rest] = All,
    [A ! {next, B} || {A, B} <- lists:zip(All, Rest ++ [First])],
    Report = self(),
    Tell = timed(fun() -> First ! {N, Report}, receive done -> ok end end),
    result("host_tell_ns", Tell / N),
    %% Asked by a process, as everything is.
    Asked = fun(F) ->
        timed(fun() -> spawn(fun() -> F(), Report ! done end), receive done -> ok end end)
    end,
    Asks = N div 10,
    result("host_ask_ns", Asked(fun() -> asks(hd(Rest), Asks) end) / Asks),
    result("host_fan_ns", Asked(fun() -> fans(All, Asks div 100) end) / (Asks div 100 * 100)),
    result("host_spawn_ns", timed(fun() -> make_all(Asks) end) / Asks);
work("ring", [Actors, Laps]) ->
    Report = self(),
    First = spawn(fun() -> builder(Actors, Report) end),
    Built = timed(fun() -> First ! First, receive built -> ok end end),
    Took = timed(fun() -> First ! Laps, receive done -> ok end end),
    result("ring_build_us", Built / Actors / 1.0e3),
    result("ring_hop_ns", Took / Actors / Laps);
work("fanin", [Senders, N]) ->
    result("fanin_burst_ns", fan_in(fun burst/2, Senders, N) / Senders / N),
    Paced = fun(Counter, K) -> self() ! K, paced(Counter) end,
    result("fanin_paced_ns", fan_in(Paced, Senders, N) / Senders / N);
work("create", [Actors, Rounds]) ->
    Times = lists:sort([timed(fun() -> make_all(Actors) end) || _ <- lists:seq(1, Rounds)]),
    result("create_ns", lists:nth(Rounds div 2 + 1, Times) / Actors);
work("idle", [Actors]) ->
    From = resident_bytes(),
    fill(Actors, nil),
    result("idle_bytes", (resident_bytes() - From) / Actors);
work("fib", [N]) ->
    result("fib_ms", timed(fun() -> fib(N) end) / 1.0e6);
work("loop", [N]) ->
    result("loop_ms", timed(fun() -> add_up(1, N, 0) end) / 1.0e6);
work("list", [N]) ->
    result("list_ms", timed(fun() -> [N | _] = turned(build(N, []), []) end) / 1.0e6).
