using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Tests.Cli;
using Xunit;
using static Iba.Engine.Backends.Cuda.Native.cublasLtMatmulDescAttribute;
using static Iba.Engine.Backends.Cuda.Native.cublasLtMatmulPreferenceAttribute;

namespace Tests.Emulator;

/// <summary>
/// NVIDIA's own libraries without a GPU: the loader, the doctor's words for a driver that sees no GPU, and what cuBLASLt keeps of what it is told.
/// Debian's cuBLASLt is 11; only what is equal in 12 and 13 is read.
/// </summary>
public sealed unsafe class FetchedLibraryTests
{
    [Fact]
    public void A_driver_without_a_gpu_is_loaded_and_the_doctor_says_that_it_sees_none()
    {
        string folder = DriverFolder();
        Machine machine = Machine.Here() with { Variable = name => name == "IBA_CUDA_DIRS" ? folder : null, Loaded = [] };
        var libraries = Libraries.Load(machine, new SystemLoader());
        Assert.Equal(Path.Combine(folder, "libcuda.so.1"), libraries.DriverPath);
        Assert.True(libraries.Driver!.Version >= 12000, $"CUDA {libraries.Driver.Version}");
        Assert.Equal(CUresult.CUDA_ERROR_NO_DEVICE, libraries.Driver.cuInit(0));
        Assert.StartsWith("CUDA_ERROR_NO_DEVICE (100, ", libraries.Driver.Describe(CUresult.CUDA_ERROR_NO_DEVICE));

        Diagnosis diagnosis = Doctor.Examine(libraries, Precision.Float32);
        Assert.Equal(("device", $"the driver ({libraries.DriverPath}) sees no GPU"), (diagnosis.Obstacle!.Subject, diagnosis.Obstacle.Message));
        Assert.Empty(diagnosis.Devices);
        Assert.All(libraries.Refused, refused => Assert.DoesNotContain("no reason", refused.Reason));
    }

    [Fact]
    public void The_command_says_so_too_and_exits_with_3()
    {
        IbaProcess.Result result = IbaProcess.RunIn([("IBA_CUDA_DIRS", DriverFolder())], "doctor");
        Assert.True(result.ExitCode == 3, $"{result}");
        Assert.Contains("sees no GPU", result.Lines[0]);
        Assert.Contains("CUDA_VISIBLE_DEVICES", result.Lines[1]);
        Assert.DoesNotContain("no reason", result.Output);
    }

    [Fact]
    public void CublasLt_keeps_the_description_of_a_product()
    {
        CublasLt library = CublasLt(out Func<string, nint> find);
        nint made;
        Assert.Equal(0, library.cublasLtMatmulDescCreate(&made, cublasComputeType.CUBLAS_COMPUTE_32F_FAST_TF32, cudaDataType.CUDA_R_32F));
        nint description = made;
        nint get = find("cublasLtMatmulDescGetAttribute");
        Keeps(CUBLASLT_MATMUL_DESC_TRANSA, cublasOperation.CUBLAS_OP_T);
        Keeps(CUBLASLT_MATMUL_DESC_TRANSB, cublasOperation.CUBLAS_OP_N);
        Keeps(CUBLASLT_MATMUL_DESC_EPILOGUE, cublasLtEpilogue.CUBLASLT_EPILOGUE_BIAS);
        Keeps(CUBLASLT_MATMUL_DESC_BIAS_POINTER, 0x1234_5678_9AB0UL);
        Assert.Equal(0, library.cublasLtMatmulDescDestroy(description));

        void Keeps<T>(cublasLtMatmulDescAttribute name, T value) where T : unmanaged
        {
            Assert.Equal(0, library.cublasLtMatmulDescSetAttribute(description, name, &value, (nuint)sizeof(T)));
            Assert.Equal(value, Read<T>(get, description, (int)name));
        }
    }

    [Fact]
    public void CublasLt_keeps_the_layout_of_a_matrix()
    {
        CublasLt library = CublasLt(out Func<string, nint> find);
        nint layout, get = find("cublasLtMatrixLayoutGetAttribute");
        Assert.Equal(0, library.cublasLtMatrixLayoutCreate(&layout, cudaDataType.CUDA_R_16BF, 70, 30, 80));
        // CUBLASLT_MATRIX_LAYOUT_TYPE 0, ORDER 1 (0 is column-major), ROWS 2, COLS 3, LD 4.
        Assert.Equal(cudaDataType.CUDA_R_16BF, Read<cudaDataType>(get, layout, 0));
        Assert.Equal(0, Read<int>(get, layout, 1));
        Assert.Equal(70UL, Read<ulong>(get, layout, 2));
        Assert.Equal(30UL, Read<ulong>(get, layout, 3));
        Assert.Equal(80L, Read<long>(get, layout, 4));
        Assert.Equal(0, library.cublasLtMatrixLayoutDestroy(layout));
    }

    [Fact]
    public void CublasLt_keeps_what_is_preferred()
    {
        CublasLt library = CublasLt(out Func<string, nint> find);
        nint preference, get = find("cublasLtMatmulPreferenceGetAttribute");
        Assert.Equal(0, library.cublasLtMatmulPreferenceCreate(&preference));
        ulong workspace = 32UL << 20;
        Assert.Equal(0, library.cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof(ulong)));
        Assert.Equal(workspace, Read<ulong>(get, preference, (int)CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES));
        const cublasLtMatmulPreferenceAttribute first = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, last = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
        for (cublasLtMatmulPreferenceAttribute matrix = first; matrix <= last; matrix++)
        {
            uint alignment = 4u << (matrix - first);
            Assert.Equal(0, library.cublasLtMatmulPreferenceSetAttribute(preference, matrix, &alignment, sizeof(uint)));
            Assert.Equal(alignment, Read<uint>(get, preference, (int)matrix));
        }
        Assert.Equal(0, library.cublasLtMatmulPreferenceDestroy(preference));
    }

    /// <summary>A machine with NVIDIA's kernel module has a driver of its own, which Debian's does not fit.</summary>
    private static string DriverFolder()
    {
        Assert.SkipWhen(Directory.Exists("/proc/driver/nvidia"), "this machine has a GPU's kernel module, and this is of machines without one");
        return Path.GetDirectoryName(FetchedLibraries.Find("cuda", "libcuda.so.1"))!;
    }

    private static CublasLt CublasLt(out Func<string, nint> find)
    {
        var loader = new SystemLoader();
        nint library = loader.Load(FetchedLibraries.Find("cuda", "libcublasLt.so.11"), out string? reason);
        Assert.True(library != 0, reason);
        find = name => loader.Find(library, name);
        var table = new CublasLt(find);
        Assert.StartsWith("11.", table.Version);
        return table;
    }

    /// <summary>An attribute, and that it has the size of the type.</summary>
    private static T Read<T>(nint get, nint of, int name) where T : unmanaged
    {
        T value;
        nuint written;
        Assert.Equal(0, ((delegate* unmanaged<nint, int, void*, nuint, nuint*, int>)get)(of, name, &value, (nuint)sizeof(T), &written));
        Assert.Equal((nuint)sizeof(T), written);
        return value;
    }
}
