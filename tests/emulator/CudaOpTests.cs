using CsCheck;
using Iba.Engine.Backends.Cuda;
using Tests.Engine;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// Every op on the CUDA backend, over a fake driver that keeps memory, launches and graphs and lets the CPU run the kernels: what is tested is
/// everything between a verb and the driver's call.
/// </summary>
public sealed class CudaOpTests : IDisposable
{
    private const int Cases = 3;

    private static readonly OpCases Small = new(Draw.Small);

    private readonly FakeGpu _gpu = new(computes: true);
    private readonly CudaBackend _backend;

    public CudaOpTests() => _backend = _gpu.Open(Precision.Float32);

    public static TheoryData<string> Ops => [.. Small.Names];

    public void Dispose()
    {
        _backend.Dispose();
        _gpu.Dispose();
    }

    [Theory]
    [MemberData(nameof(Ops))]
    public void Values_are_the_textbooks(string op) => Sample(op, new OpChecks(_backend).Values);

    [Theory]
    [MemberData(nameof(Ops))]
    public void Gradients_are_the_textbooks_finite_differences(string op) => Sample(op, new OpChecks(_backend).Gradients);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_planned_tape_gives_the_bits_of_a_kept_one(string op) => Sample(op, new OpChecks(_backend).Plans);

    private static void Sample(string op, Action<OpCase> check) => Small[op].Sample(check, iter: Cases, threads: 1);
}
