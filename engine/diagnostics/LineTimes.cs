using System.Diagnostics;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;

namespace Iba.Engine.Diagnostics;

/// <summary>Measures how long each line of a tape takes, forward and backward, and notes which code computes it.</summary>
internal sealed class LineTimes : TapeWatch, IDisposable
{
    private readonly IBackend _backend;
    private readonly List<long>[] _forward;
    private readonly List<long>[] _backward;
    private long _start;
    private string? _code;

    /// <param name="tape">The tape; everything is recorded.</param>
    /// <param name="repeats">How often it will run.</param>
    public LineTimes(Tape tape, int repeats)
    {
        _backend = tape.Backend;
        int lines = tape.Count();
        _forward = [.. Enumerable.Range(0, lines).Select(_ => new List<long>(repeats))];
        _backward = [.. Enumerable.Range(0, lines).Select(_ => new List<long>(repeats))];
        (ForwardCode, BackwardCode) = (new string?[lines], new string?[lines]);
        if (_backend is CpuBackend cpu)
            cpu.Watch = name => _code = $"cpu {name}";
        else if (_backend is CudaBackend cuda)
            cuda.Watch = (_, choice) => _code = choice.Engine is { } engine ? $"cuDNN {engine}" : choice.Route == Route.Product ? "cuBLASLt" : "cuda kernel";
    }

    /// <summary>Which code computes each line.</summary>
    public string?[] ForwardCode { get; }

    /// <summary>Which code computes each line's derivative.</summary>
    public string?[] BackwardCode { get; }

    /// <summary>The median of a line's times, forward or backward, in milliseconds; null if it did not run.</summary>
    public double? Milliseconds(int line, bool backward)
    {
        List<long> ticks = (backward ? _backward : _forward)[line];
        return ticks.Count == 0 ? null : Median([.. ticks.Select(t => 1e3 * t / Stopwatch.Frequency)]);
    }

    /// <summary>The median; the mean of the middle two of an even number.</summary>
    public static double Median(double[] numbers)
    {
        Array.Sort(numbers);
        return (numbers[(numbers.Length - 1) / 2] + numbers[numbers.Length / 2]) / 2;
    }

    /// <inheritdoc/>
    public override void Before(Value y)
    {
        _code = null;
        Wait(_backend);
        _start = Stopwatch.GetTimestamp();
    }

    /// <inheritdoc/>
    public override void AfterForward(Value y) => Note(y, _forward, ForwardCode);

    /// <inheritdoc/>
    public override void AfterBackward(Value y, Gradients d) => Note(y, _backward, BackwardCode);

    /// <summary>Waits until the device has done what was asked of it.</summary>
    public static void Wait(IBackend backend) => (backend as CudaBackend)?.Synchronize();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_backend is CpuBackend cpu)
            cpu.Watch = null;
        else if (_backend is CudaBackend cuda)
            cuda.Watch = null;
    }

    private void Note(Value y, List<long>[] times, string?[] code)
    {
        Wait(_backend);
        times[y.Line].Add(Stopwatch.GetTimestamp() - _start);
        code[y.Line] = _code ?? (_backend is CpuBackend ? "cpu simd" : "cuda kernel");
    }
}
