// A library that is there when a program is linked and gone when it runs.

extern "C" int minnow_absent_dnnl() { return 0; }
