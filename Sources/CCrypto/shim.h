// OpenSSL's digests, from Debian's libssl-dev.
#include <openssl/evp.h>
