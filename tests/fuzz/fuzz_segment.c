/* fuzz_segment.c - any packet is a segment or none, and nobody reads beyond its end. */
#include "base/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct segment segment;

    if (segment_read((struct slice){(const char *)bytes, length}, &segment)) {
        assert(segment.from.family == segment.to.family);
        assert(segment.from.family == 4 || segment.from.family == 6);
    }
    return 0;
}
