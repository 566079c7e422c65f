namespace Engine.Backends.Cuda;

/// <summary>How exactly convolutions and matrix products are computed. Everything else is float32 always.</summary>
public enum Precision
{
    /// <summary>float32 products and sums.</summary>
    Float32,

    /// <summary>Factors rounded to TF32's ten bits of mantissa, sums in float32: the default. Needs compute capability 8.0.</summary>
    TensorFloat32,

    /// <summary>Factors rounded to bfloat16, sums in float32. Needs compute capability 8.0.</summary>
    BFloat16,
}

/// <summary>Precisions by the names that people and files call them by.</summary>
public static class PrecisionNames
{
    /// <summary>Every name, in the order of <see cref="Precision"/>.</summary>
    public static IReadOnlyList<string> All { get; } = ["fp32", "tf32", "bf16"];

    /// <summary>fp32, tf32 or bf16.</summary>
    public static string Word(this Precision precision) => All[(int)precision];

    /// <summary>The precision of that name, or null.</summary>
    public static Precision? Find(string word) => All.Index().Where(each => each.Item == word).Select(each => (Precision?)each.Index).FirstOrDefault();
}
