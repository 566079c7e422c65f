using CsCheck;
using Tests.Engine;
using Xunit;

namespace Tests.Cuda;

/// <summary>Every op, run by the CUDA kernels, held against its textbook version over random shapes.</summary>
public sealed class KernelOpTests : IDisposable
{
    private const int Cases = 15;

    private readonly ShimBackend _backend = new(new ShimDevice(seed: 1));

    public static TheoryData<string> Ops => [.. OpCases.Names];

    public void Dispose() => _backend.Dispose();

    [Theory]
    [MemberData(nameof(Ops))]
    public void Values_are_the_textbooks(string op) => Sample(op, new OpChecks(_backend).Values);

    [Theory]
    [MemberData(nameof(Ops))]
    public void Gradients_are_the_textbooks_finite_differences(string op) => Sample(op, new OpChecks(_backend).Gradients);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_value_used_twice_gets_the_sum_of_both_gradients(string op) => Sample(op, new OpChecks(_backend).Accumulates);

    private static void Sample(string op, Action<OpCase> check) => OpCases.Named(op).Sample(check, iter: Cases, threads: 1);
}
