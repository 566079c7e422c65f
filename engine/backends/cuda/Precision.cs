namespace Iba.Engine.Backends.Cuda;

/// <summary>The precision of convolutions and matrix products. Everything else is always float32.</summary>
public enum Precision
{
    /// <summary>float32 products and sums.</summary>
    Float32,

    /// <summary>Factors rounded to TF32's ten bits of mantissa, sums in float32: the default. Needs compute capability 8.0.</summary>
    TensorFloat32,

    /// <summary>Factors rounded to bfloat16, sums in float32. Needs compute capability 8.0.</summary>
    BFloat16,
}

/// <summary>Names of precisions on the command line and in files.</summary>
public static class PrecisionNames
{
    /// <summary>Every name, in the order of <see cref="Precision"/>.</summary>
    public static IReadOnlyList<string> All { get; } = ["fp32", "tf32", "bf16"];

    /// <summary>fp32, tf32 or bf16.</summary>
    public static string Word(this Precision precision) => All[(int)precision];

    /// <summary>The precision with that name, or null.</summary>
    public static Precision? Find(string word) => All.Index().Where(each => each.Item == word).Select(each => (Precision?)each.Index).FirstOrDefault();
}
