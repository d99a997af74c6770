/* Ends one reading of wire.def; included several times on purpose, so it has no guard. */
#undef OBJ
#undef STR
#undef TEXT
#undef U32
#undef U64
#undef I64
#undef BOOL
#undef ENUM
#undef SUB
#undef LIST
#undef END
