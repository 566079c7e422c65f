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
