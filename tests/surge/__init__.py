"""The window as a load test: generators, a watch over the stack, the checker's verdict, a report."""
