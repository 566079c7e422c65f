using CsCheck;
using Engine.Backends.Cpu;
using Xunit;

namespace Tests.Engine;

/// <summary>Every op, held against its textbook version over random shapes.</summary>
public sealed class OpTests : IDisposable
{
    private const int Cases = 40;

    private readonly CpuBackend _backend = new();

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

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_planned_tape_gives_the_bits_of_a_kept_one(string op) => Sample(op, new OpChecks(_backend).Plans);

    private static void Sample(string op, Action<OpCase> check) => OpCases.Named(op).Sample(check, iter: Cases, threads: 1);
}
