using CsCheck;
using Tests.Engine;
using Xunit;

namespace Tests.Kernels;

/// <summary>Every op, run by the CUDA kernels, held against its textbook version over random shapes.</summary>
public sealed class KernelOpTests : IDisposable
{
    private static readonly OpCases Small = new(Draw.Small), Large = new(Draw.Large);

    private readonly ShimBackend _backend = new(new ShimDevice(seed: 1));

    public static TheoryData<string> Ops => [.. Small.Names];

    public void Dispose() => _backend.Dispose();

    [Theory]
    [MemberData(nameof(Ops))]
    public void Values_are_the_textbooks(string op)
    {
        Small[op].Sample(new OpChecks(_backend).Values, iter: 15, threads: 1);
        Large[op].Sample(new OpChecks(_backend).Values, iter: 1, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Ops))]
    public void Gradients_are_the_textbooks_finite_differences(string op) =>
        Small[op].Sample(new OpChecks(_backend).Gradients, iter: 15, threads: 1);

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_value_used_twice_gets_the_sum_of_both_gradients(string op) =>
        Small[op].Sample(new OpChecks(_backend).Accumulates, iter: 10, threads: 1);
}
