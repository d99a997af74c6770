/* The floor of agent.rss_ratio: a bare libvirt client that does what any agent must, and no more:
 * an event loop, a connection, every domain's definition and one bulk call for statistics.  Prints
 * its resident memory in KiB. */
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long
resident_kib(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[200];
    long kib = -1;

    if (f == NULL)
        return -1;
    while (fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    (void)fclose(f); /* read only */
    return kib;
}

int
main(int argc, char **argv)
{
    virDomainStatsRecordPtr *stats = NULL;
    virDomainPtr *doms = NULL;
    virConnectPtr c;
    int n;

    if (argc != 2 || virEventRegisterDefaultImpl() < 0 || (c = virConnectOpen(argv[1])) == NULL) {
        fprintf(stderr, "usage: bench-agent LIBVIRT-URI\n");
        return 2;
    }
    n = virConnectListAllDomains(c, &doms, 0);
    for (int i = 0; i < n; i++) {
        char *xml = virDomainGetXMLDesc(doms[i], 0);

        free(xml);
        (void)virDomainFree(doms[i]);
    }
    free(doms);
    if (virConnectGetAllDomainStats(c, 0, &stats, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT) < 0)
        return 1;
    printf("%d %ld\n", n, resident_kib());
    virDomainStatsRecordListFree(stats);
    (void)virConnectClose(c);
    return 0;
}
