/*
 * SHA-256 through OpenSSL's one-shot function.
 */
#include "common/sha256.h"

#include <openssl/sha.h>

#include "common/hex.h"

_Static_assert((int)SHA256_RAW_BYTES == SHA256_DIGEST_LENGTH, "a SHA-256 has 32 bytes");

void sha256_of(struct bytes content, uint8_t out[SHA256_RAW_BYTES])
{
    /* OpenSSL must not be handed NULL, not even with length 0. */
    SHA256(content.ptr != NULL ? content.ptr : (const uint8_t *)"", content.len, out);
}

const char *sha256_text_of(struct bytes content, char out[SHA256_TEXT_SIZE])
{
    uint8_t digest[SHA256_RAW_BYTES];

    sha256_of(content, digest);
    return hex_format(bytes_of(digest, sizeof digest), out);
}
