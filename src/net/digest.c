#include "net/digest.h"

#include <openssl/evp.h>
#include <string.h>

void digest_sha256_hex(struct str s, char out[65])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	out[0] = '\0';
	if (EVP_Digest(s.p, s.n, bytes, &n, EVP_sha256(), NULL) != 1 || n != 32)
		return;
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[64] = '\0';
}

#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SHA1_BYTES 20

void digest_websocket_accept(struct str key, char out[DIGEST_ACCEPT])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	char text[128];
	unsigned n = 0;

	out[0] = '\0';
	if (key.n + sizeof(WEBSOCKET_GUID) > sizeof(text))
		return;
	memcpy(text, key.p, key.n);
	memcpy(text + key.n, WEBSOCKET_GUID, sizeof(WEBSOCKET_GUID) - 1);
	key.n += sizeof(WEBSOCKET_GUID) - 1;
	if (EVP_Digest(text, key.n, bytes, &n, EVP_sha1(), NULL) == 1 && n == SHA1_BYTES)
		EVP_EncodeBlock((unsigned char *)out, bytes, SHA1_BYTES);
}

void digest_websocket_key(const unsigned char bytes[16], char out[DIGEST_KEY])
{
	EVP_EncodeBlock((unsigned char *)out, bytes, 16);
}
