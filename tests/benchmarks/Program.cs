using Benchmarks;
using Iba.Engine.Backends.Cpu;
using Iba.Weights;

// "quick [threads] [name...]" compares all layers against the processor's peak in a minute; "attribution cpu|cuda FILE ..." times whole attributions;
// "accuracy" compares both convolutions with double precision; "serve [threads]" is this project's side of compare.sh;
// "degradation resnet50|vgg16 [rounds]" times the degradation measure against the plain forward pass;
// "maps FOLDER FOLDER BOUND" compares maps for tests/methods.sh; "weights resnet50|vgg16 FILE" writes a full-size network with random weights;
// "profile forward|gradient BATCH NETWORK [threads]" times every line of a pass; "hashes METHOD..." prints the hashes of maps (results/hashes.txt);
// "results FOLDER FILE" joins the files of a run of tests/gpu/run.sh. Without arguments BenchmarkDotNet asks which benchmarks to run.
switch (args)
{
    case ["quick", .. var rest]:
        Quick.Run(rest);
        break;
    case ["accuracy"]:
        Accuracy.Run();
        break;
    case ["serve", .. var threads]:
        Serve.Run(threads is [var count] ? int.Parse(count) : Environment.ProcessorCount);
        break;
    case ["attribution", .. var rest]:
        AttributionBenchmark.Run(rest);
        break;
    case ["degradation", var measured, .. var rounds]:
        DegradationThroughput.Run(measured, rounds is [var times] ? int.Parse(times) : 7);
        break;
    case ["maps", var expected, var actual, var bound]:
        Environment.ExitCode = Maps.Compare(expected, actual, double.Parse(bound));
        break;
    case ["weights", var architecture, var path]:
        using (var backend = new CpuBackend())
            ParameterWriter.Write(new FullSizeNetwork(architecture, backend).Network, path);
        break;
    case ["profile", var direction, var batch, var profiled, .. var threads]:
        Profile.Run(direction, int.Parse(batch), profiled, threads is [var cores] ? int.Parse(cores) : 1);
        break;
    case ["hashes", .. var methods]:
        WholePasses.PrintHashes(methods);
        break;
    case ["results", var folder, var file]:
        Results.Write(folder, file);
        break;
    default:
#if SDK
        BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Quick).Assembly).Run(args);
#else
        Console.Error.WriteLine(
            "quick [threads] [name...] | accuracy | serve [threads] | attribution cpu|cuda FILE ... | degradation NETWORK [rounds] | maps FOLDER FOLDER "
            + "BOUND | weights NETWORK FILE | profile forward|gradient BATCH NETWORK [threads] | hashes METHOD... | results FOLDER FILE");
        Environment.ExitCode = 2;
#endif
        break;
}
