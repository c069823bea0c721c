package wire

import (
	"slices"
	"testing"
)

func TestCapabilityNames(t *testing.T) {
	got := CapabilityNames(ClientLongPassword|ClientSSL|ClientSecureConnection|ClientDeprecateEOF|ClientRememberOptions, MariaDBClientBulkUnitResults|1<<20)
	want := []string{"CLIENT_LONG_PASSWORD", "CLIENT_SSL", "CLIENT_RESERVED2", "CLIENT_DEPRECATE_EOF", "CLIENT_REMEMBER_OPTIONS", "MARIADB_CLIENT_BULK_UNIT_RESULTS"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
