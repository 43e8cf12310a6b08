"""A hub whose API listens on the loopback interface, and somebody who asks it: what tests of the API use."""
