#include "net/tls_options.h"

/* Mozilla's "intermediate", without finite-field DH, which costs much and nobody needs. */
#define CIPHERS                                                                                   \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                              \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                              \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* The first that is known to both sides is taken, but ChaCha20 where the client has it first: it
 * has no hardware for the others. */
#define CIPHERS_13                                                                                \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"

bool tls_options_set(SSL_CTX *ctx, enum conf_tls_profile profile)
{
	int least = profile == CONF_TLS_MODERN ? TLS1_3_VERSION : TLS1_2_VERSION;

	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* Who ends without close_notify may still be written to, as a half-close is answered. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	return SSL_CTX_set_min_proto_version(ctx, least) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, CIPHERS_13) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, GROUPS) == 1;
}
