package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestSubjectAccount(t *testing.T) {
	for subject, want := range map[rbac.Subject][2]string{
		{Kind: rbac.ServiceAccount, Namespace: "ci", Name: "bot"}: {"ci", "bot"},
		{Kind: rbac.User, Name: "system:serviceaccount:ci:bot"}:   {"ci", "bot"},
		{Kind: rbac.Group, Name: "system:serviceaccounts:ci"}:     {"ci", ""},
		{Kind: rbac.User, Name: "system:serviceaccounts:ci"}:      {},
		{Kind: rbac.Group, Name: "system:serviceaccount:ci:bot"}:  {},
		{Kind: rbac.Group, Name: "system:serviceaccounts"}:        {},
		{Kind: rbac.Group, Name: "ci"}:                            {},
		{Kind: rbac.User, Name: "bob"}:                            {},
	} {
		namespace, name := subject.Account()
		require.Equal(t, want, [2]string{namespace, name}, "%+v", subject)
	}
}

func TestSubjectString(t *testing.T) {
	require.Equal(t, "Group devs", rbac.Subject{Kind: rbac.Group, Name: "devs"}.String())
	deployer := rbac.Subject{Kind: rbac.ServiceAccount, Namespace: "ci", Name: "deployer"}
	require.Equal(t, "ServiceAccount ci/deployer", deployer.String())
}
