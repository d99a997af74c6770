#include "policies/person.h"

#include <stddef.h>
#include <string.h>

static unsigned
class_of(unsigned char c)
{
    if (c >= 'a' && c <= 'z')
        return 1;
    if (c >= 'A' && c <= 'Z')
        return 2;
    return c >= '0' && c <= '9' ? 4 : 8;
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
contains(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = text; n > 0 && *p != '\0'; p++) {
        size_t i = 0;

        while (i < n && lower(p[i]) == lower(word[i]))
            i++;
        if (i == n)
            return true;
    }
    return false;
}

/* Fewer than five different bytes, or each is the one before plus one. */
static bool
is_dull(const char *s)
{
    bool seen[256] = {false}, row = true;
    unsigned different = 0;

    for (size_t i = 0; s[i] != '\0'; i++) {
        unsigned char c = (unsigned char)s[i];

        different += seen[c] ? 0 : 1;
        seen[c] = true;
        row = row && (i == 0 || s[i] == s[i - 1] + 1);
    }
    return row || different < 5;
}

enum password_verdict
password_judge(const char *password, const char *login, const struct password_rules *rules)
{
    unsigned classes = 0, kinds = 0, characters = 0;

    for (const char *p = password; *p != '\0'; p++) {
        classes |= class_of((unsigned char)*p);
        characters += ((unsigned char)*p & 0xc0) == 0x80 ? 0 : 1;
    }
    for (unsigned c = classes; c != 0; c >>= 1)
        kinds += c & 1;
    if (characters < rules->min_length)
        return PASSWORD_SHORT;
    if (kinds < rules->min_classes)
        return PASSWORD_PLAIN;
    if (is_dull(password))
        return PASSWORD_DULL;
    return contains(password, login) ? PASSWORD_LOGIN : PASSWORD_OK;
}

static int
number_at(const char *s, size_t from, size_t n)
{
    int v = 0;

    for (size_t i = 0; i < n; i++)
        v = v * 10 + (s[from + i] - '0');
    return v;
}

bool
person_id_is_possible(const char *s)
{
    static const int weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0, month, day;

    if (strlen(s) != 18)
        return false;
    for (size_t i = 0; i < 17; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        sum += (s[i] - '0') * weight[i];
    }
    month = number_at(s, 10, 2);
    day = number_at(s, 12, 2);
    if (s[0] == '0' || number_at(s, 6, 4) < 1900 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    return s[17] == "10X98765432"[sum % 11];
}
