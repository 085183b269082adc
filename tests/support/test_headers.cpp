// Nothing of its own: it stands for the headers that all tests take precompiled (AssayTest.cmake).
