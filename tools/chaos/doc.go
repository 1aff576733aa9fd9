// Package chaos lets clients work on a platform whose parts are killed, paused and lied to at random, and then looks for what a
// crash may never leave: an operation that does not end, an object made twice, an object that nobody knows, an answer that was
// not true. It also breaks each edge between programs in three ways and compares response times with their deadlines. `make chaos`
// runs it; CHAOS_FOR says how long the killing lasts, CHAOS_SEED repeats the choices of an earlier run.
package chaos
