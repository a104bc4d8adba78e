package imports

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/testcluster"
)

func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }

var repository = filepath.Join("..", "..")

// dependOnEverything looks at every folder of the module. The tests here let the go command read
// it, which go test does not see: it would take a result from its cache although a package has
// changed since.
func dependOnEverything(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(repository, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".cache") {
			return filepath.SkipDir
		}
		return err
	})
	require.NoError(t, err)
}
