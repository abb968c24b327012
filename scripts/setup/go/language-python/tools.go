//go:build tools

// Package tools makes the module need the Python language host, so that go.mod and go.sum pin all of it.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
