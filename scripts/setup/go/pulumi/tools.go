//go:build tools

// Package tools makes the module need the Pulumi CLI, so that go.mod and go.sum pin all of it.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
