package topology_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestRequestValidate(t *testing.T) {
	ask := func(verb, name, subresource, object string) topology.Request {
		return topology.Request{Question: rbac.Question{
			User: "jane", Verb: verb, Resource: "pods", Subresource: subresource, Namespace: "acme", Name: name,
		}, Object: json.RawMessage(object)}
	}
	anonymous, groups := ask("create", "", "", "{}"), ask("list", "", "", "")
	anonymous.User = ""
	groups.User, groups.Groups = "", []string{"devs"}
	const question = "a question needs a user or groups, a verb and a resource"
	tests := []struct {
		name    string
		request topology.Request
		detail  string // "": it is fine
	}{
		{"a request that gets an object", ask("get", "web", "", ""), ""},
		{"a request that lists", ask("list", "", "", ""), ""},
		{"a request that watches", ask("watch", "", "", ""), ""},
		{"a request that creates", ask("create", "", "", "{}"), ""},
		{"a request that updates", ask("update", "web", "", "{}"), ""},
		{"a request that patches", ask("patch", "web", "", `{"metadata":{"labels":null}}`), ""},
		{"a request that deletes an object", ask("delete", "web", "", ""), ""},
		{"a request that deletes a collection", ask("deletecollection", "", "", ""), ""},
		{"a connection to a pod", ask("create", "web", "exec", ""), ""},
		{"a request that creates a subresource", ask("create", "web", "eviction", "{}"), ""},
		{"a request that patches a subresource", ask("patch", "web", "status", "{}"), ""},
		{"a verb that is only a right", ask("bind", "", "", ""), ""},

		{"a request without a user and groups", anonymous, question},
		{"a request without a verb", ask("", "", "", ""), question},
		{"a request with groups alone", groups, "a request needs a user; groups alone send none"},
		{"get with an object", ask("get", "web", "", "{}"), "the verb get takes no object"},
		{"delete with an object", ask("delete", "web", "", "{}"), "the verb delete takes no object"},
		{"a verb that is only a right, with an object", ask("bind", "web", "", "{}"), "the verb bind takes no object"},
		{"an object that is not JSON", ask("create", "", "", "{"), "the object is not JSON"},
		{"create without an object", ask("create", "", "", ""), "the verb create takes an object"},
		{"update without an object", ask("update", "web", "", ""), "the verb update takes an object"},
		{"patch without an object", ask("patch", "web", "status", ""), "the verb patch takes an object"},
		{"get without a name", ask("get", "", "", ""), "the verb get takes a name"},
		{"update without a name", ask("update", "", "", "{}"), "the verb update takes a name"},
		{"patch without a name", ask("patch", "", "", "{}"), "the verb patch takes a name"},
		{"delete without a name", ask("delete", "", "", ""), "the verb delete takes a name"},
		{"connect without a name", ask("create", "", "exec", ""), "the verb create takes a name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.request.Validate()
			if tt.detail == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.detail)
		})
	}
}
