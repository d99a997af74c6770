#ifndef BY_POLICIES_SENTENCE_H
#define BY_POLICIES_SENTENCE_H
/* A sentence that a program made, in another language: it is recognised by the format that it was
 * made with (a row of say_zh.def), and what stood for the conversions is put into the other.  So
 * the sentence itself stays English wherever it is kept, hashed, signed or replayed, and its
 * language is chosen once, where a person reads it.
 *
 * In the Chinese of a row, %s between “ and ” is a name that somebody chose and stays as it is; a
 * bare %s is put into Chinese too, where it is a word or a sentence of ours.  What is joined by
 * colons or semicolons is recognised part by part; what is not recognised stays.  Pure.  Threads:
 * any. */
#include "policies/say.h"
#include "policies/text.h"

/** Add the sentence in this language; one that is cut ends before a character. */
void sentence_add(enum say_lang l, const char *english, struct text *out);
/** From a header Accept-Language: the one of ours that is wanted most; NULL or neither: English. */
enum say_lang sentence_lang(const char *accept);
#endif
