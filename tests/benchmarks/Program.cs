using BenchmarkDotNet.Running;
using Benchmarks;

// Without arguments BenchmarkDotNet asks which benchmarks to run; "quick [threads] [name...]" compares all layers against the peak in a minute.
if (args is ["quick", .. var rest])
    Quick.Run(rest);
else
    BenchmarkSwitcher.FromAssembly(typeof(Quick).Assembly).Run(args);
