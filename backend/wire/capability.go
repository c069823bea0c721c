package wire

// Capability is a set of capability flags: what client and server agree on in the connection phase.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html
type Capability uint32

// The capability flags, in the order of their bits. The name in the manual is CLIENT_… for Client….
const (
	// ClientLongPassword is what MariaDB calls CLIENT_MYSQL: a peer that does not set it is a MariaDB, and
	// sends extended capabilities in the filler of its handshake packet.
	ClientLongPassword               Capability = 1 << iota // 1<<0
	ClientFoundRows                                         // 1<<1 affected rows count what was found, not what was changed
	ClientLongFlag                                          // 1<<2
	ClientConnectWithDB                                     // 1<<3 the handshake response names a database
	ClientNoSchema                                          // 1<<4
	ClientCompress                                          // 1<<5 zlib compression
	ClientODBC                                              // 1<<6
	ClientLocalFiles                                        // 1<<7 LOAD DATA LOCAL
	ClientIgnoreSpace                                       // 1<<8
	ClientProtocol41                                        // 1<<9
	ClientInteractive                                       // 1<<10 interactive_timeout in place of wait_timeout
	ClientSSL                                               // 1<<11
	ClientIgnoreSigpipe                                     // 1<<12
	ClientTransactions                                      // 1<<13 status flags are sent
	ClientReserved                                          // 1<<14
	ClientSecureConnection                                  // 1<<15 CLIENT_RESERVED2 of the manual: the auth response has a length
	ClientMultiStatements                                   // 1<<16
	ClientMultiResults                                      // 1<<17
	ClientPSMultiResults                                    // 1<<18
	ClientPluginAuth                                        // 1<<19
	ClientConnectAttrs                                      // 1<<20
	ClientPluginAuthLenencClientData                        // 1<<21
	ClientCanHandleExpiredPasswords                         // 1<<22
	ClientSessionTrack                                      // 1<<23
	ClientDeprecateEOF                                      // 1<<24 no EOF_Packet after column definitions, an OK_Packet after rows
	ClientOptionalResultsetMetadata                         // 1<<25
	ClientZstdCompressionAlgorithm                          // 1<<26
	ClientQueryAttributes                                   // 1<<27
	MultiFactorAuthentication                               // 1<<28
	ClientCapabilityExtension                               // 1<<29
	ClientSSLVerifyServerCert                               // 1<<30
	ClientRememberOptions                                   // 1<<31
)

// Has reports whether c contains every flag of want.
func (c Capability) Has(want Capability) bool { return c&want == want }

// The extended capabilities of MariaDB, which travel in the last four bytes of a handshake packet's filler when
// [ClientLongPassword] is not set. MariaDB numbers them from bit 32 on; here they are bits of a word of their own.
//
// https://mariadb.com/kb/en/connection/#capabilities
const (
	MariaDBClientProgress           uint32 = 1 << iota // MARIADB_CLIENT_PROGRESS: an ERR_Packet with code 0xffff is a progress report
	MariaDBClientComMulti                              // MARIADB_CLIENT_COM_MULTI (obsolete)
	MariaDBClientStmtBulkOperations                    // MARIADB_CLIENT_STMT_BULK_OPERATIONS: COM_STMT_BULK_EXECUTE
	MariaDBClientExtendedMetadata                      // MARIADB_CLIENT_EXTENDED_METADATA: one more field in a column definition
	MariaDBClientCacheMetadata                         // MARIADB_CLIENT_CACHE_METADATA: column definitions may be left out
	MariaDBClientBulkUnitResults                       // MARIADB_CLIENT_BULK_UNIT_RESULTS
)
