// Package adapter has what authors of adapters need: [Call] makes their errors and changes, [Diff]
// names the fields in which two values differ, and [DomainLabels] marks the domains of a tenant.
// Interprets use it for their own refusals.
package adapter
