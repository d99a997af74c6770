/* What a misspelt word was meant to be. */
#include <string.h>

#include "controller/cli/cli.h"

#define WORD_MAX 32

/* Letters changed, added, left out, or two that changed places. */
static size_t
distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), d[WORD_MAX + 1][WORD_MAX + 1];

    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            size_t best;

            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

/* What other tools call it. */
static bool
means(const char *word, const char *candidate)
{
    static const struct {
        const char *theirs, *ours;
    } words[] = {
        {"create", "add"},       {"delete", "bin"},    {"delete", "remove"},  {"describe", "show"},
        {"destroy", "bin"},      {"get", "show"},      {"info", "show"},      {"ls", "list"},
        {"new", "add"},          {"new", "create"},    {"remove", "bin"},     {"reshape", "resize"},
        {"rm", "bin"},           {"scale", "resize"},  {"server", "vms"},     {"servers", "vms"},
        {"undelete", "restore"}, {"update", "resize"}, {"users", "accounts"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i].theirs, word) == 0 && strcmp(words[i].ours, candidate) == 0)
            return true;
    return false;
}

void
nearest_try(struct nearest *n, const char *candidate)
{
    size_t d = distance(n->word, candidate), len = strlen(n->word);
    bool begins = len >= 3 && strncmp(candidate, n->word, len) == 0;

    if (means(n->word, candidate))
        d = 0;
    else if (begins)
        d = 1;
    /* A third of the word may be wrong, but one letter always. */
    if (d <= 1 + len / 4 && d < len && (n->best == NULL || d < n->d)) {
        n->best = candidate;
        n->d = d;
    }
}
