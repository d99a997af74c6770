#ifndef BY_TESTS_BENCH_PLACE_MIX_H
#define BY_TESTS_BENCH_PLACE_MIX_H
/* Sizes of machines in a data centre for banks and insurers, July to September 2013: how many of 84
 * machines had so many CPUs and at most so much memory.  Counted from the columns "CPU cores" and
 * "Memory capacity provisioned" of Bitbrains "rnd" (Grid Workloads Archive, GWA-T-12; Shen, van
 * Beek and Iosup, "Statistical characterization of business-critical workloads hosted in cloud
 * datacenters", CCGrid 2015): of each machine its largest, the memory rounded up to a usual size.
 */
#include <stdint.h>

static const struct place_mix {
    uint32_t vcpus;
    int64_t mem_mib;
    uint32_t count;
} place_mix[] = {
    {1, 256, 12},  {1, 512, 2},   {1, 1024, 8},   {1, 2048, 4},   {1, 3072, 1}, {1, 4096, 10},
    {2, 2048, 1},  {2, 4096, 4},  {2, 8192, 6},   {4, 3072, 1},   {4, 4096, 1}, {4, 8192, 2},
    {4, 10240, 5}, {4, 12288, 2}, {4, 16384, 13}, {4, 20480, 1},  {8, 4096, 1}, {8, 16384, 1},
    {8, 20480, 1}, {8, 32768, 6}, {8, 65536, 1},  {32, 12288, 1},
};
#define PLACE_MIX_ROWS (sizeof(place_mix) / sizeof(place_mix[0]))
#define PLACE_MIX_MACHINES 84
#endif
