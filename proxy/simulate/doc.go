// Package simulate plays the world around the core of Segue: a network, clients, and servers that behave as those of StarRocks, MySQL or TiDB do, faults
// included, in virtual time. One seed decides everything: how bytes are cut, when they arrive, in which order, what breaks and when. Only tests use it.
//
// The world is as deterministic as the core is: nothing in it runs but on the goroutine of [World.Run], which steps the core's loop, and time goes on only
// while that sleeps in a bubble of testing/synctest. Whoever plays a part (a client's life, a server, a connection to one, the operator) throws dice of
// its own, made from the seed and its number, so that one that is left out changes little for the others: that is how a failure is shrunk.
//
// All worlds play statements, transactions, variables, prepared statements and KILL; [Scenes] are what some of them play beyond that, one file each.
//
// What a client expects it knows by itself: it keeps a twin of its session, and every answer is held against that.
package simulate
