package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// demo follows a client through a new platform, and fails when a step ends otherwise than it must. On a terminal it
// serves until Ctrl-C.
func demo(ctx context.Context, set settings, out io.Writer) (err error) {
	set = set.ofDemo()
	if err := set.endLastDemo(ctx); err != nil {
		return err
	}
	set.makeRoom(ctx, out)
	s, err := set.open()
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, s.Stop(stopping))
	}()
	say(out, "Starting Postgres, Redis, an OpenStack, an identity provider and the services…")
	begin := time.Now()
	if err := s.Start(ctx); err != nil {
		return unlessInterrupted(ctx, set.advise(ctx, err))
	}
	say(out, "The platform is up after %.1f s.", time.Since(begin).Seconds())
	st := newStory(set, s, out)
	if err := st.tell(ctx); err != nil {
		return unlessInterrupted(ctx, err)
	}
	st.end()
	if !terminal(os.Stdin) {
		say(out, "\nThere is no terminal, so the demo ends here. `make up` starts a platform that stays, with a database that waits for the disk; the demo's does not.")
		return nil
	}
	say(out, "\nServing. Press Ctrl-C to stop.")
	<-ctx.Done()
	say(out, "\nStopping…")
	return nil
}

// ofDemo are the settings of a demo, which has a place of its own beside the platform's.
func (set settings) ofDemo() settings {
	set.dir += "-demo"
	set.identity = true
	return set
}

// unlessInterrupted turns the failure that a Ctrl-C causes into a clean end.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// endLastDemo stops a demo that was killed before it could stop itself, and forgets its data.
func (set settings) endLastDemo(ctx context.Context) error {
	s, err := set.open()
	if err != nil {
		return err
	}
	if err := s.Stop(ctx); err != nil {
		return fmt.Errorf("stop the last demo: %w", err)
	}
	if err := os.RemoveAll(set.dir); err != nil {
		return fmt.Errorf("forget the last demo: %w", err)
	}
	return nil
}

// makeRoom moves the demo's ports when a platform is at the usual ones: nobody relies on where a demo is.
func (set *settings) makeRoom(ctx context.Context, out io.Writer) {
	if set.moved {
		return
	}
	if offset, ok := freeOffset(ctx); ok && offset != set.offset {
		set.offset = offset
		say(out, "The usual ports are in use, so the demo takes those %d higher.", offset)
	}
}
