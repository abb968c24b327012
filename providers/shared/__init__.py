"""What every plugin of this tree shares: values, the gRPC servicer, HTTP calls of providers' APIs."""
