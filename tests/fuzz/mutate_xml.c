/* A mutator that knows where XML elements begin: it puts whole elements of a domain between others,
 * and removes the markup from one '<' to the next.  Every other time libFuzzer's own mutations run.
 * For the targets of FUZZ_XML_TARGETS. */
#include <string.h>

#include "drivers/base/scope.h"
#include "tests/fuzz/fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static const char *const pieces[] = {
    "<metadata/>",
    "<by:mark xmlns:by='urn:bianyun:mark:1' order='o' term='1' generation='2'/>",
    "<n:i xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'/>",
    "<memory unit='MiB'>64</memory>",
    "<maxMemory slots='2'>4194304</maxMemory>",
    "<currentMemory>1</currentMemory>",
    "<vcpu current='1'>2</vcpu>",
    "<cpu><numa><cell cpus='0' memory='1'/></numa></cpu>",
    "<devices/>",
    "<disk/>",
    "<disk><source file='/pool/by-x'/><serial>x</serial></disk>",
    "<disk><source dev='/dev/x'/><serial>40008000000000000002</serial></disk>",
    "<interface/>",
    "<interface><mac address='52:54:00:00:00:07'/><source network='by-x'/></interface>",
    "<interface><mac address='52:54:00:00:00:08'/><source network='by-y'/></interface>",
    "<serial><log file='/l'/></serial>",
    "<title>a</title>",
};

/* The k-th '<', counted around; size when there is none. */
static size_t
angle_find(const uint8_t *data, size_t size, unsigned k)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += data[i] == '<';
    if (n == 0)
        return size;
    n = k % n;
    for (size_t i = 0; i < size; i++)
        if (data[i] == '<' && n-- == 0)
            return i;
    return size;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    const char *piece = pieces[seed / 4 % ARRAY_LEN(pieces)];
    size_t at = angle_find(data, size, seed / 1024), n = strlen(piece), end;

    if (seed % 2 == 0 || at == size)
        return LLVMFuzzerMutate(data, size, max_size);
    if (seed / 2 % 8 == 0) {
        for (end = at + 1; end < size && data[end] != '<'; end++)
            ;
        memmove(data + at, data + end, size - end);
        return size - (end - at);
    }
    if (size + n > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memmove(data + at + n, data + at, size - at);
    memcpy(data + at, piece, n);
    return size + n;
}
