using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Xunit;

namespace Tests.Emulator;

public sealed class KernelCompilerTests : IDisposable
{
    private const string File = "sigmoid";

    private readonly FakeNvrtc _nvrtc = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _nvrtc.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_file_is_compiled_once_for_the_devices_own_architecture()
    {
        Assert.Equal(FakeNvrtc.Cubin(File), Compiler(90).Code(File));
        Assert.Equal(FakeNvrtc.Cubin(File), Compiler(90).Code(File));
        Assert.Equal([.. KernelSources.Options, "--gpu-architecture=sm_90"], Assert.Single(_nvrtc.Compiled));
        Assert.Equal(KernelSources.Headers.Keys, _nvrtc.Headers);
        Assert.Equal(0, _nvrtc.Live);
    }

    [Fact]
    public void Another_architecture_compiler_or_file_is_compiled_again()
    {
        Compiler(90).Code(File);
        Compiler(80).Code(File);
        _nvrtc.Version = (12, 8);
        Compiler(90).Code(File);
        Compiler(90).Code("relu");
        Assert.Equal(4, _nvrtc.Compiled.Count);
    }

    [Fact]
    public void A_cache_that_cannot_be_written_only_costs_time()
    {
        string file = _folder.With("no folder", [1]);
        var compiler = new KernelCompiler(_nvrtc.Table(), 90, new CacheFolder(file));
        Assert.Equal(FakeNvrtc.Cubin(File), compiler.Code(File));
        Assert.Equal(FakeNvrtc.Cubin(File), compiler.Code(File));
        Assert.Equal(2, _nvrtc.Compiled.Count);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void Where_the_compiler_refuses_ptx_takes_its_place_and_the_log_says_why(int answer)
    {
        _nvrtc.Answer = (nvrtcResult)answer;
        KernelCompiler compiler = Compiler(90);
        byte[] code = compiler.Code(File);
        Assert.StartsWith(KernelSources.Ptx(File)![..100], System.Text.Encoding.UTF8.GetString(code));
        Assert.Equal(0, code[^1]);
        Assert.Contains("the fake dislikes it", compiler.Refusals[File]);
        Assert.Equal(0, _nvrtc.Live);
    }

    [Fact]
    public void Without_a_compiler_there_is_ptx_of_every_file()
    {
        var compiler = new KernelCompiler(null, 90, new CacheFolder(null));
        Assert.All(KernelSources.Files, file => Assert.NotEmpty(compiler.Code(file)));
        Assert.All(compiler.Refusals.Values, reason => Assert.Equal("NVRTC was not found", reason));
    }

    [Fact]
    public void The_table_and_the_compiler_work_with_the_real_library()
    {
        string library = FetchedLibraries.Find("nvrtc", "libnvrtc.so.*");
        var loader = new SystemLoader();
        loader.Load(FetchedLibraries.Find("nvrtc", "libnvrtc-builtins.so.*"), out _);
        nint handle = loader.Load(library, out string? reason);
        Assert.True(handle != 0, reason);
        var nvrtc = new Nvrtc(name => loader.Find(handle, name));
        Assert.True(nvrtc.Version.Major >= 11);
        var compiler = new KernelCompiler(nvrtc, 90, new CacheFolder(_folder["cache"]));
        byte[] code = compiler.Code(File);
        // A CUBIN is an ELF file.
        Assert.Equal([0x7f, (byte)'E', (byte)'L', (byte)'F'], code[..4]);
        Assert.Empty(compiler.Refusals);
    }

    private KernelCompiler Compiler(int computeCapability) => new(_nvrtc.Table(), computeCapability, new CacheFolder(_folder["cache"]));
}
