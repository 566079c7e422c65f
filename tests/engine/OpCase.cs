using Iba.Engine.Autograd;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>An op with inputs.</summary>
/// <param name="Inputs">Shapes and values; away from kinks, where a derivative would depend on the side.</param>
/// <param name="Variables">How many of them, from the first on, take a gradient.</param>
/// <param name="Record">Records the op on a tape.</param>
/// <param name="Textbook">The plain version.</param>
public sealed record OpCase(Exact[] Inputs, int Variables, Func<Value[], Value> Record, Func<Exact[], Exact> Textbook)
{
    public override string ToString() => string.Join(" and ", Inputs.Select(input => input.Shape));
}
