namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>The graph that represents a unit.</summary>
internal enum GraphForm
{
    /// <summary>Everything in one graph, the addend before the bias.</summary>
    Fused,

    /// <summary>Everything in one graph, the bias before the addend.</summary>
    FusedBiasFirst,

    /// <summary>The sum alone.</summary>
    Single,
}

/// <summary>One way in which cuDNN can compute a unit.</summary>
/// <param name="Form">How the graph is drawn.</param>
/// <param name="Drawn">What the graph computes: the unit, or its sum alone.</param>
/// <param name="Route">Whether this project's kernels compute the rest.</param>
internal readonly record struct PlanWay(GraphForm Form, ConvolutionUnit Drawn, Route Route)
{
    /// <summary>The ways in the order in which they are tried.</summary>
    public static IEnumerable<PlanWay> Of(ConvolutionUnit unit)
    {
        if (unit.IsPlain && (unit.Precision != Precision.BFloat16 || unit.Halves))
        {
            yield return new PlanWay(GraphForm.Single, unit, Route.Fused);
            yield break;
        }
        if (CanFuse(unit))
        {
            yield return new PlanWay(GraphForm.Fused, unit, Route.Fused);
            if (unit is { Bias: true, Addend: true })
                yield return new PlanWay(GraphForm.FusedBiasFirst, unit, Route.Fused);
        }
        yield return new PlanWay(GraphForm.Single, unit.Plain, Route.Single);
    }

    /// <summary>
    /// Whether a fused graph is worth asking for. A strided gradient with something after it has one engine, compiled for seconds and of an old kind
    /// that has been wrong before; the sum alone has precompiled engines. So has a plain bfloat16 sum, which has no good engine with a float32 result.
    /// </summary>
    private static bool CanFuse(in ConvolutionUnit unit) => unit.Direction != Direction.BackwardData
        || (unit.Geometry.Stride == 1 && (unit.Precision != Precision.BFloat16 || !unit.IsPlain));
}
