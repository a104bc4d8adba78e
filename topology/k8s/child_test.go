package k8s_test

import "time"

const (
	childScript    = "POLYPHONY_TEST_CHILD"
	eventuallyWait = 20 * time.Second
	eventuallyTick = 20 * time.Millisecond
)

func runChild(string) int { return 1 }
